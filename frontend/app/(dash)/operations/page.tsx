import type { Metadata } from 'next'
import { OperationListPage } from '@/features/operation/OperationListPage'

export const metadata: Metadata = { title: 'Operations' }

export default function Page() {
  return <OperationListPage />
}
