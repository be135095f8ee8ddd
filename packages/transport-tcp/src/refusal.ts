import { TransportError } from '@orrery/raft-node'

/**
 * Why a connection is refused or ended:
 *
 * - `malformed`: what came is not this protocol, is damaged or is larger than allowed
 * - `version`: another version of this protocol
 * - `misdirected`: meant for another member than the one that is here
 * - `notMember`: who is not a member wants more than to ask
 * - `notAccepted`: the handler does not accept the other one, for example of another cluster
 * - `busy`: too many connections, or too many snapshots at the same time
 * - `certificate`: no TLS, or a certificate that the cluster does not trust
 * - `slow`: no introduction in time
 */
export const refusalKinds = [
  'malformed',
  'version',
  'misdirected',
  'notMember',
  'notAccepted',
  'busy',
  'certificate',
  'slow',
] as const

/** What is wrong with the other side, for programs. */
export type RefusalKind = (typeof refusalKinds)[number]

/** Refused by this end. */
export class Refusal extends TransportError {
  readonly kind: RefusalKind
  /** For people, here and at the other end. */
  readonly reason: string

  constructor(kind: RefusalKind, reason: string, options?: ErrorOptions) {
    super('TRANSPORT_REFUSED', reason, options)
    this.kind = kind
    this.reason = reason
  }
}

/** The error for what cannot be this protocol. */
export function malformed(reason: string): Refusal {
  return new Refusal('malformed', reason)
}
