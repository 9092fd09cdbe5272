import Link from 'next/link'
import { paths } from '@/lib/paths'
import { Empty } from '@/ui/page'

export default function NotFound() {
  return (
    <main className="pt-24">
      <Empty
        title="There is nothing at this address."
        action={
          <Link href={paths.vms()} className="underline">
            Go to the virtual machines
          </Link>
        }
      />
    </main>
  )
}
