'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Network_vm on VM {
    id
  }
`

export function Network({ id }: { id: string }) {
  return id
}
