/**
 * Something that is to be in the log, and who waits for it. Hosts add what they need to answer: the object that
 * was proposed comes back with its committed entry.
 */
export interface NodeProposal {
  /**
   * The first {@link proposalHeadroomBytes} belong to the member, what follows is the host's. Not changed by the
   * host afterwards.
   */
  readonly payload: Uint8Array
  /**
   * Takes effect in the term in which this member leads now, or not at all: for what only the leader may decide,
   * such as the end of a lease.
   */
  readonly isLeaderOnly?: boolean
  /** It did not take effect, or nobody knows: the code tells which. */
  reject(error: Error): void
}

/** Room that a host leaves at the front of each payload, so that a leader has nothing to copy. Unit: bytes. */
export const proposalHeadroomBytes = 1

/** Kind, session, sequence, settledBelow. */
const forwardedHeaderBytes = 21

/** The first byte of a payload in the log. Part of the format of the data directory. */
const kinds = { own: 0, forwarded: 1, member: 2 } as const

/** Where a forwarded proposal comes from: unique in the life of a cluster. */
export interface Origin {
  /** Chosen at random when the process of the member started. */
  readonly session: bigint
  /** Counts the forwarded proposals of the session. */
  readonly sequence: number
  /** All before this one are settled: nobody sends them again. */
  readonly settledBelow: number
}

/** What the payload of a command entry says of itself. */
export type PayloadHeader =
  | { readonly kind: 'own' | 'member' }
  | { readonly kind: 'forwarded'; readonly origin: Origin }

/** The payload of a proposal of the leader's own: what the host proposed, and not a copy. */
export function ownPayload(proposed: Uint8Array): Uint8Array {
  proposed[0] = kinds.own
  return proposed
}

/** The payload of a proposal that another member is to append. */
export function forwardedPayload(proposed: Uint8Array, origin: Origin): Uint8Array {
  const payload = new Uint8Array(forwardedHeaderBytes - proposalHeadroomBytes + proposed.length)
  payload.set(proposed, forwardedHeaderBytes - proposalHeadroomBytes)
  const view = viewOf(payload)
  view.setUint8(0, kinds.forwarded)
  view.setBigUint64(1, origin.session, true)
  setUint48(view, 9, origin.sequence)
  setUint48(view, 15, origin.settledBelow)
  return payload
}

/** The payload of an entry that tells of a member, and not of the host's state. */
export function memberPayload(content: Uint8Array): Uint8Array {
  const payload = new Uint8Array(1 + content.length)
  payload[0] = kinds.member
  payload.set(content, 1)
  return payload
}

/** Reads the header; undefined: this was not written by a member. */
export function headerOf(payload: Uint8Array): PayloadHeader | undefined {
  switch (payload[0]) {
    case kinds.own:
      return own
    case kinds.member:
      return member
    case kinds.forwarded:
      if (payload.length < forwardedHeaderBytes) return undefined
      return { kind: 'forwarded', origin: originOf(payload) }
    default:
      return undefined
  }
}

/** What the host wrote. A view. */
export function contentOf(payload: Uint8Array): Uint8Array {
  return payload.subarray(payload[0] === kinds.forwarded ? forwardedHeaderBytes : 1)
}

const own: PayloadHeader = { kind: 'own' }
const member: PayloadHeader = { kind: 'member' }

function originOf(payload: Uint8Array): Origin {
  const view = viewOf(payload)
  return {
    session: view.getBigUint64(1, true),
    sequence: getUint48(view, 9),
    settledBelow: getUint48(view, 15),
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function setUint48(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x1_0000_0000, true)
  view.setUint16(offset + 4, Math.floor(value / 0x1_0000_0000), true)
}

function getUint48(view: DataView, offset: number): number {
  return view.getUint16(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true)
}
