import type { PeerIdentity } from '@orrery/raft-node'
import type { MemberId } from '@orrery/raft'
import { malformed, Refusal } from './refusal.ts'

/** What a connection is for. */
export const purposes = ['stream', 'snapshot', 'request'] as const
export type Purpose = (typeof purposes)[number]

/** The first words of who dialled. */
export interface Hello {
  readonly identity: PeerIdentity
  readonly purpose: Purpose
  /** Who should be here; 0: whoever is. */
  readonly expected: MemberId
}

/** Largest body of a frame before both ends know each other. Unit: bytes. */
export const handshakeMaxBytes = 4 * 1024

/** `ORRT`: where nothing else begins like this. */
const magic = 0x5452_524f
/** Raised when an end that only knows the old one would misunderstand. */
const protocolVersion = 1
const welcomeBytes = 29
const helloBytes = 38
const reasonMaxChars = 512

export function encodeHello({ identity, purpose, expected }: Hello): Uint8Array {
  const view = new DataView(new ArrayBuffer(helloBytes))
  writeIdentity(view, identity)
  view.setUint8(29, purposes.indexOf(purpose))
  view.setBigUint64(30, expected, true)
  return new Uint8Array(view.buffer)
}

/** @throws Refusal of another protocol or version */
export function decodeHello(body: Uint8Array): Hello {
  const identity = readIdentity(body)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const purpose = body.length === helloBytes ? purposes[view.getUint8(29)] : undefined
  if (purpose === undefined) throw malformed('not an introduction')
  return { identity, purpose, expected: view.getBigUint64(30, true) }
}

export function encodeWelcome(identity: PeerIdentity): Uint8Array {
  const view = new DataView(new ArrayBuffer(welcomeBytes))
  writeIdentity(view, identity)
  return new Uint8Array(view.buffer)
}

/** @throws Refusal of another protocol or version */
export function decodeWelcome(body: Uint8Array): PeerIdentity {
  const identity = readIdentity(body)
  if (body.length !== welcomeBytes) throw malformed('not an answer to an introduction')
  return identity
}

/** A reason, as the other end is told. */
export function encodeReason(reason: string): Uint8Array {
  return Buffer.from(reason.slice(0, reasonMaxChars), 'utf8')
}

export function decodeReason(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8').slice(0, reasonMaxChars)
}

function writeIdentity(view: DataView, { clusterId, memberId, directoryId }: PeerIdentity): void {
  view.setUint32(0, magic, true)
  view.setUint8(4, protocolVersion)
  view.setBigUint64(5, clusterId, true)
  view.setBigUint64(13, memberId, true)
  view.setBigUint64(21, directoryId, true)
}

function readIdentity(body: Uint8Array): PeerIdentity {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  if (body.length < 5 || view.getUint32(0, true) !== magic) throw malformed('not this protocol')
  const version = view.getUint8(4)
  if (version !== protocolVersion) {
    throw new Refusal('version', `version ${version} of the protocol, ${protocolVersion} is understood here`)
  }
  if (body.length < welcomeBytes) throw malformed('not an introduction')
  return {
    clusterId: view.getBigUint64(5, true),
    memberId: view.getBigUint64(13, true),
    directoryId: view.getBigUint64(21, true),
  }
}
