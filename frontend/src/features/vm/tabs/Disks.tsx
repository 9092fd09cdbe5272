'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Disks_vm on VM {
    id
  }
`

export function Disks({ id }: { id: string }) {
  return id
}
