import type { Metadata } from 'next'
import { CreateVMPage } from '@/features/vm/create/CreateVMPage'

export const metadata: Metadata = { title: 'New virtual machine' }

export default function Page() {
  return <CreateVMPage />
}
