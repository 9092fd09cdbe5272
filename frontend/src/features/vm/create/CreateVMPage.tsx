'use client'
import Link from 'next/link'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect, useMemo, useRef, useState } from 'react'
import { graphql } from 'react-relay'
import type { CreateVMPageMutation } from '@/__generated__/CreateVMPageMutation.graphql'
import type { CreateVMPageQuery } from '@/__generated__/CreateVMPageQuery.graphql'
import { beyond, type Line } from '@/features/quota/quota'
import { paths } from '@/lib/paths'
import { randomKey } from '@/lib/random'
import { usePaced } from '@/lib/use-paced'
import { Fault, faultOf } from '@/relay/fault'
import { follow, useOperationPulse } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Form } from '@/ui/Form'
import { Empty, PageBody, PageHeader } from '@/ui/page'
import { AdvancedSection } from './AdvancedSection'
import { BootSection } from './BootSection'
import { DeviceSections } from './DeviceSections'
import { type Draft, EMPTY, inputOf, keepDraft, lastDraft, problemsOf, takesOf } from './draft'
import { GuestSection } from './GuestSection'
import { type Place, placesOf } from './places'
import { SizeSection } from './SizeSection'
import { Summary } from './Summary'
import { WhereSection } from './WhereSection'

const query = graphql`
  query CreateVMPageQuery {
    images {
      id
      name
      os
      status
      pool
      format
      createdAt
      capacityBytes
      defaultUser
      provider {
        id
        name
      }
      operation {
        progress
        note
      }
    }
    hypervisorHosts {
      id
      name
      status
      provider {
        id
        name
      }
      resourceUtilization {
        memoryTotalMiB
        memoryAllocatedMiB
        vcpusAllocated
      }
      capabilities {
        cpus
        machineTypes
        firmwares
        accelerators
      }
      storagePools {
        name
        active
        freeBytes
      }
      networks {
        name
        type
        mode
        active
        cidr
      }
    }
    quota {
      counted
      limit
      inUse
    }
  }
`

type Data = CreateVMPageQuery['response']
export type ImageChoice = Data['images'][number]
export type SectionProps = {
  draft: Draft
  set: (patch: Partial<Draft>) => void
  problems: ReturnType<typeof problemsOf>
  place: Place | undefined
  images: readonly ImageChoice[]
}

export function CreateVMPage() {
  const pulse = usePaced(useOperationPulse(), 1500)
  const [refused, setRefused] = useState(0)
  const fetchKey = `${pulse}/${refused}`
  const data = useReading<CreateVMPageQuery>(query, {}, fetchKey)
  const places = useMemo(() => placesOf(data.hypervisorHosts), [data.hypervisorHosts])
  const usable = places.some((place) => place.answers)
  return (
    <>
      <PageHeader
        title="New virtual machine"
        crumbs={
          <>
            <Link href={paths.vms()} className="hover:underline">
              Virtual machines
            </Link>{' '}
            /
          </>
        }
      />
      <PageBody>
        {usable ? (
          <Fields
            images={data.images}
            places={places}
            quota={data.quota as readonly Line[]}
            onRefused={() => setRefused((before) => before + 1)}
          />
        ) : (
          <Empty title="No host answers" action={<Button link={<Link href={paths.hosts()} />}>Hosts</Button>}>
            A VM needs a host to run on. Connect one, or see why those there are do not answer.
          </Empty>
        )}
      </PageBody>
    </>
  )
}

type FieldsProps = {
  images: readonly ImageChoice[]
  places: readonly Place[]
  quota: readonly Line[]
  /** There may be more room by now, or less than was known. */
  onRefused: () => void
}

function Fields({ images: all, places, quota, onRefused }: FieldsProps) {
  const router = useRouter()
  const params = useSearchParams()
  const [typed, setDraft] = useState<Draft>(
    () => lastDraft(params.get('like')) ?? first(places, all, params.get('image')),
  )
  const set = (patch: Partial<Draft>) => setDraft((before) => ({ ...before, ...patch }))
  const [tried, setTried] = useState(false)
  const [fault, setFault] = useState<Fault | null>(null)
  const key = useRef(randomKey())
  const [send, busy] = useAction<CreateVMPageMutation>(graphql`
    mutation CreateVMPageMutation($input: CreateVMInput!) {
      createVM(input: $input) {
        operation {
          ...vmPower_operation @relay(mask: false)
        }
        vm {
          id
          name
          ...VMRow_vm
        }
      }
    }
  `)
  const place = places.find((each) => each.id === typed.provider)
  const images = useMemo(() => all.filter((image) => image.provider.id === typed.provider), [all, typed.provider])
  // Until one is chosen it is the newest that is ready, also when that has just come.
  const draft: Draft = { ...typed, image: typed.image ?? newest(images)?.id ?? '' }
  const image = images.find((each) => each.id === draft.image)
  const takes = takesOf(draft, image?.capacityBytes)
  const over = beyond(quota, takes)
  const tooMuch = defined({ vcpus: over.VCPUS, memoryMiB: over.MEMORY_MIB, boot: over.DISK_MIB })
  const found = { ...tooMuch, ...problemsOf(draft) }
  const problems = tried ? found : tooMuch
  useLeaveGuard(draft.name !== '' && !busy)
  const submit = () => {
    setTried(true)
    if (Object.keys(tooMuch).length > 0) onRefused()
    if (Object.keys(found).length > 0) return
    setFault(null)
    send({ input: inputOf(draft, place?.networks ?? [], key.current) })
      .then(({ createVM }) => {
        keepDraft(createVM.vm.id, draft)
        follow(createVM.operation.id, `Create ${createVM.vm.name}`)
        router.push(paths.vm(createVM.vm.id))
      })
      .catch((cause) => {
        const told = faultOf(cause)
        // Only an answer that was lost may be asked for again with the same key.
        if (told.facts.code !== 'UNAVAILABLE') key.current = randomKey()
        if (told.facts.code === 'EXHAUSTED') onRefused()
        setFault(atField(told))
      })
  }
  const section = { draft, set, problems, place, images }
  return (
    <Form
      fault={fault?.facts ?? null}
      onSubmit={submit}
      label="New virtual machine"
      className="grid max-w-6xl gap-x-10 gap-y-6 lg:grid-cols-[minmax(0,1fr)_18rem]"
    >
      <div className="flex min-w-0 flex-col gap-8">
        <WhereSection {...section} places={places} />
        <BootSection {...section} />
        <SizeSection {...section} />
        <DeviceSections {...section} />
        <GuestSection {...section} />
        <AdvancedSection {...section} />
      </div>
      <Summary draft={draft} place={place} image={image} quota={quota} takes={takes} busy={busy} />
    </Form>
  )
}

const defined = <T extends object>(all: T) =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<T>

/** What is wrong with all disks together is told at the first. */
function atField(fault: Fault): Fault {
  const { facts } = fault
  return /^(input\.)?disks$/.test(facts.field) ? new Fault({ ...facts, field: 'disks[0].capacityBytes' }) : fault
}

/** What is there at first: the place that answers, its first network. */
function first(places: readonly Place[], images: readonly ImageChoice[], given: string | null): Draft {
  const image = images.find((each) => each.id === given)
  const place = places.find((each) => (image ? each.id === image.provider.id : each.answers))
  return { ...EMPTY, ...placed(place), provider: place?.id ?? '', image: image?.id ?? null }
}

/** What was brought last is most likely what a VM is to be made from; an ISO is no disk of one. */
export function newest<I extends Pick<ImageChoice, 'status' | 'format' | 'createdAt'>>(images: readonly I[]) {
  return images
    .filter(({ status, format }) => status === 'READY' && format !== 'iso')
    .reduce<I | undefined>((best, each) => (best && best.createdAt >= each.createdAt ? best : each), undefined)
}

/** What depends on the place: its networks, and nothing of another one's pools and images. */
export function placed(place: Place | undefined): Partial<Draft> {
  const network = place?.networks[0]
  return {
    image: null,
    pool: '',
    disks: [],
    machineType: '',
    nics: network ? [{ key: randomKey(), network: network.name, model: 'virtio' }] : [],
  }
}

/** A filled form is not lost to a closed tab. */
function useLeaveGuard(on: boolean) {
  useEffect(() => {
    if (!on) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [on])
}
