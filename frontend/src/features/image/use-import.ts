'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { ImportImageInput, useImportMutation } from '@/__generated__/useImportMutation.graphql'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'

/** Brings an image; the dialog closes when it is on its way. */
export function useImport(onDone: (image: { id: string }) => void) {
  const [send, busy] = useAction<useImportMutation>(graphql`
    mutation useImportMutation($input: ImportImageInput!) {
      importImage(input: $input) {
        operation {
          id
        }
        image {
          id
          name
        }
      }
    }
  `)
  const [fault, setFault] = useState<Fault | null>(null)
  const run = (input: ImportImageInput) => {
    send({ input })
      .then(({ importImage }) => {
        follow(importImage.operation.id, `Bring the image ${importImage.image.name}`)
        onDone(importImage.image)
      })
      .catch((cause) => setFault(faultOf(cause)))
  }
  return { run, busy, fault: fault?.facts ?? null }
}
