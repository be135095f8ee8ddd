import type { EntryType, HardState, Snapshot } from '@orrery/raft'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readMembership, writeMembership } from './member-codec.ts'

/** The types of the records of a member's log. Part of the format of the data directory. */
export const recordTypes = {
  command: 1,
  membership: 2,
  empty: 3,
  /** Index and term of the entry that follows; those after it count on. */
  position: 16,
  hardState: 17,
  /** A snapshot took the place of the whole log. */
  installed: 18,
  /**
   * The log was compacted up to here. It repeats the hard state and the name of the state in use, of which the records
   * may be gone.
   */
  base: 19,
} as const

/** A place in the replicated log. */
export interface Position {
  readonly index: number
  readonly term: number
}

const entryTypes = new Map<number, EntryType>([
  [recordTypes.command, 'command'],
  [recordTypes.membership, 'membership'],
  [recordTypes.empty, 'empty'],
])

export function recordTypeOf(type: EntryType): number {
  return recordTypes[type]
}

export function entryTypeOf(recordType: number): EntryType | undefined {
  return entryTypes.get(recordType)
}

export function encodePosition({ index, term }: Position): Uint8Array {
  return new ByteWriter().count(index).count(term).finish()
}

export function decodePosition(bytes: Uint8Array): { index: number; term: number } {
  const reader = new ByteReader(bytes)
  const position = { index: reader.count(), term: reader.count() }
  reader.end()
  return position
}

export function encodeHardState(state: HardState): Uint8Array {
  return writeHardState(new ByteWriter(), state).finish()
}

export function decodeHardState(bytes: Uint8Array): HardState {
  const reader = new ByteReader(bytes)
  const state = readHardState(reader)
  reader.end()
  return state
}

/** What is left of a log that was compacted. */
export interface LogBase {
  readonly base: Position
  readonly hardState: HardState
  /** Empty: no state was installed. */
  readonly stateName: string
}

export function encodeBase({ base: { index, term }, hardState, stateName }: LogBase): Uint8Array {
  return writeHardState(new ByteWriter().count(index).count(term), hardState).text(stateName).finish()
}

export function decodeBase(bytes: Uint8Array): LogBase {
  const reader = new ByteReader(bytes)
  const base = { index: reader.count(), term: reader.count() }
  const hardState = readHardState(reader)
  const stateName = reader.text()
  reader.end()
  return { base, hardState, stateName }
}

/** A snapshot that took the place of the log, and the name of the state that came with it. */
export type Installed = Snapshot & { readonly stateName: string }

export function encodeInstalled({ index, term, membership, stateName }: Installed): Uint8Array {
  const writer = new ByteWriter().count(index).count(term)
  return writeMembership(writer, membership).text(stateName).finish()
}

export function decodeInstalled(bytes: Uint8Array): Installed {
  const reader = new ByteReader(bytes)
  const installed = {
    index: reader.count(),
    term: reader.count(),
    membership: readMembership(reader),
    stateName: reader.text(),
  }
  reader.end()
  return installed
}

function writeHardState(
  writer: ByteWriter,
  { term, vote, commitIndex, isOnProbation }: HardState,
): ByteWriter {
  return writer
    .count(term)
    .id(vote)
    .count(commitIndex)
    .byte(isOnProbation ? 1 : 0)
}

function readHardState(reader: ByteReader): HardState {
  return {
    term: reader.count(),
    vote: reader.id(),
    commitIndex: reader.count(),
    isOnProbation: reader.byte() === 1,
  }
}
