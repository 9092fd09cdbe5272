'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Snapshots_vm on VM {
    id
  }
`

export function Snapshots({ id }: { id: string }) {
  return id
}
