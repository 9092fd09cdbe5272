import { cleanup, configure } from '@testing-library/react'
import { afterEach } from 'vitest'

afterEach(cleanup)
// Machines that test are often busy with more than the test.
configure({ asyncUtilTimeout: 15_000 })

// What jsdom lacks and the virtual list and the popups ask for.
class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}
globalThis.ResizeObserver ??= Observer as typeof ResizeObserver
globalThis.matchMedia ??= ((media: string) => ({
  media,
  matches: false,
  addEventListener() {},
  removeEventListener() {},
})) as unknown as typeof matchMedia
Element.prototype.getAnimations ??= () => []
Element.prototype.scrollIntoView ??= () => {}
