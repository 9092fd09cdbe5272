import type { Metadata } from 'next'
import { VMListPage } from '@/features/vm/VMListPage'

export const metadata: Metadata = { title: 'Virtual machines' }

export default function Page() {
  return <VMListPage />
}
