import { expect, test } from 'vitest'
import { machineTypeOptions } from './machine-types'

test('the families and their newest versions come first, the rest behind them', () => {
  const types = ['isapc', 'pc', 'pc-i440fx-10.0', 'pc-i440fx-7.2', 'pc-q35-10.0', 'pc-q35-2.12', 'q35', 'x-remote']
  const options = machineTypeOptions(types)
  expect(options.filter(({ group }) => !group).map(({ value }) => value)).toEqual([
    '',
    'q35',
    'pc',
    'pc-q35-10.0',
    'pc-i440fx-10.0',
  ])
  expect(options.map(({ value }) => value).sort()).toEqual(['', ...types].sort())
})

test('a host without these is offered what it has', () =>
  expect(machineTypeOptions(['virt-9.2']).map(({ value }) => value)).toEqual(['', 'virt-9.2']))
