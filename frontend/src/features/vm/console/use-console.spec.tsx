import { act, screen, waitFor } from '@testing-library/react'
import { afterEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../../mock/harness'
import { goTo } from '../../../../mock/navigation'
import { Console } from '../tabs/Console'
import { VMActions } from '../VMActions'
import { useConsole } from './use-console'

vi.mock('next/navigation', () => import('../../../../mock/navigation'))
vi.mock('./SerialLine', () => ({ SerialLine: Line }))

const TAKEN = 'somebody else has this console open. Close it there, or take it over.'

/** A line that is refused, as one is that somebody else has. */
function Line({ url, onState }: { url: string; onState: (state: 'failed', why: string) => void }) {
  return (
    <button type="button" onClick={() => onState('failed', TAKEN)}>
      {url}
    </button>
  )
}

function Held() {
  const { url, state } = useConsole('vm_002', 'SERIAL')
  return <p>{url ? `has ${url}` : state}</p>
}

afterEach(() => vi.restoreAllMocks())

test('a console that somebody else has is taken over when that is asked for, and only then', async () => {
  goTo('/vms/vm_002?tab=console&console=serial')
  const { user } = renderPage(
    <VMActions>
      <Console id="vm_002" />
    </VMActions>,
  )
  const line = await screen.findByRole('button', { name: /^ws:/ })
  expect(line.textContent).not.toContain('take')
  await user.click(line)
  await user.click(await screen.findByRole('button', { name: 'Take it over' }))
  await screen.findByRole('button', { name: /\?take=1$/ })
})

test('a page that is left gives its console back, and gets another when it is come back to', async () => {
  renderPage(<Held />)
  const first = (await screen.findByText(/^has /)).textContent
  act(() => void window.dispatchEvent(new Event('pagehide')))
  expect(screen.queryByText(/^has /)).toBeNull()
  act(() => void window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true })))
  await waitFor(async () => expect((await screen.findByText(/^has /)).textContent).not.toBe(first))
})
