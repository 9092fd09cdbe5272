import { render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, test, vi } from 'vitest'
import { goTo } from '../../../mock/navigation'
import { ISSUERS } from '../../../mock/people'
import { SignInPage } from './SignInPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))

const fetching = vi.fn<(path: string) => Promise<Response>>()
vi.stubGlobal('fetch', fetching)
const answers = (reply: () => Response) => fetching.mockImplementation(async () => reply())
beforeEach(() => goTo('/sign-in'))

test('each issuer has a link that leads on to the page in the end, and the password is folded', async () => {
  answers(() => Response.json(ISSUERS))
  goTo('/sign-in?next=/vms&q=status%3Astopped')
  render(<SignInPage />)
  const ways = within(await screen.findByRole('list', { name: 'Ways to sign in' })).getAllByRole('link')
  expect(ways.map((way) => way.textContent)).toEqual(ISSUERS.map(({ name }) => `Sign in with ${name}`))
  expect(ways[0]?.getAttribute('href')).toBe(
    `/auth/issuers/${ISSUERS[0]?.id}?to=${encodeURIComponent('/vms?q=status%3Astopped')}`,
  )
  const fold = screen.getByText('Sign in with a password').closest('details')
  expect(fold?.open).toBe(false)
  await userEvent.click(screen.getByText('Sign in with a password'))
  expect(fold?.open).toBe(true)
})

test.each<[string, () => Response]>([
  ['there is no issuer', () => Response.json([])],
  ['the list is refused', () => Response.json({ error: { message: 'no' } }, { status: 503 })],
  ['the list is none', () => Response.json({ issuers: 'many' })],
  ['nothing answers', () => Response.error()],
])('when %s the password stands alone', async (_, reply) => {
  answers(reply)
  render(<SignInPage />)
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Name')))
  expect(screen.queryByText('Sign in with a password')).toBeNull()
  expect(screen.queryByRole('link')).toBeNull()
})

test('a list that comes late does not move the form away from who is typing', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
  let answer = (_: Response) => {}
  fetching.mockReturnValue(new Promise((resolve) => (answer = resolve)))
  render(<SignInPage />)
  expect(screen.queryByLabelText('Name')).toBeNull()
  await vi.advanceTimersByTimeAsync(3000)
  const name = await screen.findByLabelText('Name')
  answer(Response.json(ISSUERS))
  await vi.advanceTimersByTimeAsync(100)
  expect(screen.getByLabelText('Name')).toBe(name)
  expect(screen.queryByRole('link')).toBeNull()
  vi.useRealTimers()
})

test('why a sign-in came to nothing is told, and the page is kept', async () => {
  answers(() => Response.json(ISSUERS))
  goTo('/sign-in?problem=no-role&request=req-0123456789&to=%2Fhosts')
  render(<SignInPage />)
  const alert = await screen.findByRole('alert')
  within(alert).getByText(/no role here/)
  within(alert).getByText(/req-0123456789/)
  const [first] = await screen.findAllByRole('link')
  expect(first?.getAttribute('href')).toBe(`/auth/issuers/${ISSUERS[0]?.id}?to=%2Fhosts`)
})
