'use client'
import { graphql } from 'react-relay'

export const fragment = graphql`
  fragment Settings_vm on VM {
    id
  }
`

export function Settings({ id }: { id: string }) {
  return id
}
