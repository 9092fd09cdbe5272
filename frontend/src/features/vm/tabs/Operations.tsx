'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Operations_vm on VM {
    id
  }
`

export function Operations({ id }: { id: string }) {
  return id
}
