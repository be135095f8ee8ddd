import { invariant } from '@orrery/environment'
import type { Entry, MemberId } from '@orrery/raft'
import type { RegisterInput, RegisterOutput } from '../checkers/models.ts'

/** A command of a client, as an entry carries it. Keys are `0`, `1` and so on. */
export interface RegisterCommand {
  readonly client: number
  /** Grows with each command of the client. */
  readonly sequence: number
  readonly input: Exclude<RegisterInput, { type: 'read' }>
}

/** What the members of a simulated cluster agree on. Values, never changed. */
export interface Registers {
  readonly values: readonly number[]
  /** By client: the last command that took effect. One that comes twice, or too late, takes none. */
  readonly sequences: readonly number[]
  /** Ids that were in use: they may not come back. */
  readonly removed: readonly MemberId[]
  /** Of all entries that were applied. */
  readonly hash: number
}

/** Registers that were never written. */
export const emptyRegisters: Registers = { values: [], sequences: [], removed: [], hash: 0 }

const commandBytes = 15

export function encodeCommand({ client, sequence, input }: RegisterCommand): Uint8Array {
  const bytes = new Uint8Array(commandBytes)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, input.type === 'write' ? 0 : 1)
  view.setUint8(1, client)
  view.setUint8(2, Number(input.key))
  view.setUint32(3, sequence)
  view.setUint32(7, input.value)
  if (input.type === 'cas') view.setUint32(11, input.expected)
  return bytes
}

function decodeCommand(bytes: Uint8Array): RegisterCommand {
  invariant(bytes.length === commandBytes, 'a command has its size')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const key = String(view.getUint8(2))
  const value = view.getUint32(7)
  return {
    client: view.getUint8(1),
    sequence: view.getUint32(3),
    input:
      view.getUint8(0) === 0
        ? { type: 'write', key, value }
        : { type: 'cas', key, value, expected: view.getUint32(11) },
  }
}

/** What became of a command. */
export interface CommandResult {
  readonly client: number
  readonly sequence: number
  readonly output: RegisterOutput
}

/** Executes an entry. The result is undefined when it has no effect: it is no command, or was there before. */
export function applyEntry(
  registers: Registers,
  entry: Entry,
): { readonly registers: Registers; readonly result: CommandResult | undefined } {
  const hash = Math.imul(registers.hash ^ hashOf(entry), 0x01000193) >>> 0
  if (entry.type !== 'command') return { registers: { ...registers, hash }, result: undefined }
  const { client, sequence, input } = decodeCommand(entry.payload)
  if (sequence <= (registers.sequences[client] ?? 0))
    return { registers: { ...registers, hash }, result: undefined }
  const sequences = withItem(registers.sequences, client, sequence)
  const at = Number(input.key)
  const isDone = input.type === 'write' || (registers.values[at] ?? 0) === input.expected
  const values = isDone ? withItem(registers.values, at, input.value) : registers.values
  return {
    registers: { ...registers, values, sequences, hash },
    result: { client, sequence, output: isDone },
  }
}

function withItem(items: readonly number[], at: number, item: number): readonly number[] {
  const changed = [...items]
  while (changed.length < at) changed.push(0)
  changed[at] = item
  return changed
}

const typeCodes = { command: 1, membership: 2, empty: 3 } as const

/** Of type, term and content: FNV-1a. */
export function hashOf({ type, term, payload }: Entry): number {
  let hash = Math.imul(0x811c9dc5 ^ typeCodes[type], 0x01000193)
  hash = Math.imul(hash ^ term, 0x01000193)
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
