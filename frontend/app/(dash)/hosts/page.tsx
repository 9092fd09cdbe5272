import type { Metadata } from 'next'
import { HostListPage } from '@/features/host/HostListPage'

export const metadata: Metadata = { title: 'Hosts' }

export default function Page() {
  return <HostListPage />
}
