/**
 * The thread of a member that does not share one with the server's clients. The server runs from its sources, which
 * a thread cannot read unless it is told how to.
 */
import { register } from 'tsx/esm/api'

register()
const { openLocatedMember } = await import('./located-member.ts')

/**
 * @param {import('./located-member.ts').LocatedMember} member
 * @param {{ environment: import('@orrery/environment').Environment }} context
 */
export function openInWorker(member, { environment }) {
  return openLocatedMember(member, environment)
}
