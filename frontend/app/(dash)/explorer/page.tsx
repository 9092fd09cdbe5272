import type { Metadata } from 'next'
import { ExplorerPage } from '@/features/explorer/ExplorerPage'

export const metadata: Metadata = { title: 'API explorer' }

export default function Page() {
  return <ExplorerPage />
}
