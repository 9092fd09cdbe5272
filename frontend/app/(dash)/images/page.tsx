import type { Metadata } from 'next'
import { ImageListPage } from '@/features/image/ImageListPage'

export const metadata: Metadata = { title: 'Images' }

export default function Page() {
  return <ImageListPage />
}
