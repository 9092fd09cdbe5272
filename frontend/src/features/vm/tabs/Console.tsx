'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Console_vm on VM {
    id
  }
`

export function Console({ id }: { id: string }) {
  return id
}
