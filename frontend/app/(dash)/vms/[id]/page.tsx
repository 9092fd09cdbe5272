import { VMPage } from '@/features/vm/VMPage'

/** One static shell for all of them: next.config rewrites every id to it, and the page reads the address bar. */
export const generateStaticParams = () => [{ id: '-' }]
export const dynamicParams = false

export default function Page() {
  return <VMPage />
}
