import type { Metadata } from 'next'
import { AddHostPage } from '@/features/host/AddHostPage'

export const metadata: Metadata = { title: 'Add a host' }

export default function Page() {
  return <AddHostPage />
}
