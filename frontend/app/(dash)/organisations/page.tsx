import type { Metadata } from 'next'
import { OrganisationsPage } from '@/features/organisation/OrganisationsPage'

export const metadata: Metadata = { title: 'Organisations' }

export default function Page() {
  return <OrganisationsPage />
}
