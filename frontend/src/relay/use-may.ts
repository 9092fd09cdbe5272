'use client'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { useMayQuery } from '@/__generated__/useMayQuery.graphql'
import { includes } from '@/lib/roles'

/**
 * Why the viewer may not do what this role may, in the API’s words; undefined when they may. For what no
 * thing’s own `actions` tell.
 */
export function useMayNot(need: 'OPERATOR' | 'ADMIN' | 'OWNER'): string | undefined {
  const { viewer } = useLazyLoadQuery<useMayQuery>(
    graphql`
      query useMayQuery {
        viewer {
          id
          role
        }
      }
    `,
    {},
  )
  if (includes(viewer.role, need)) return undefined
  return `Your role ${viewer.role} may not do this. Ask an administrator for the role ${need}.`
}
