import type { ReactNode } from 'react'
import { Frame } from '@/features/shell/Frame'

export default function DashboardLayout({ children }: { children: ReactNode }) {
  return <Frame>{children}</Frame>
}
