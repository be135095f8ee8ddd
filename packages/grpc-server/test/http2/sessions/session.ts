import { preface, settingsFrame } from '../../support/raw-frames.ts'

/** Bytes to send, or a stream whose answer is waited for before the next bytes. */
export type Step = Uint8Array | { readonly answerOf: number }

/** What a client does on one connection, and what a server may answer. */
export interface Session {
  /** What is shown, as `RFC 9113, 6.1: DATA on stream 0 is a connection error`. */
  readonly name: string
  readonly steps: readonly Step[]
  /** Streams that the outcome is about. @defaultValue `[1]` */
  readonly streams?: readonly number[]
  /** Whether another call on the same connection is served afterwards. @defaultValue `true` */
  readonly goesOn?: boolean
  /**
   * Outcomes that the RFC allows, in the words of `outcomeOf`: `connection PROTOCOL_ERROR`,
   * `1: ok, 3: reset REFUSED_STREAM`.
   */
  readonly accept: readonly string[]
}

/** What every well-behaved client sends first. */
export const opening: Uint8Array = Buffer.concat([preface, settingsFrame()])

/** The rest of a session's definition. */
export type SessionOptions = Pick<Session, 'streams' | 'goesOn'>

type NameRule = (
  text: string,
  steps: readonly Step[],
  accept: readonly string[],
  options?: SessionOptions,
) => Session

/** Where rules are from. */
export interface Rules {
  /** A rule, and a session that begins with a correct opening. */
  readonly rule: NameRule
  /** A rule, and a session of these bytes alone. */
  readonly bare: NameRule
}

/** Names rules after a section of a document. */
export function section(document: string): Rules {
  return {
    rule: (text, steps, accept, options = {}) => ({
      name: `${document}: ${text}`,
      steps: [opening, ...steps],
      accept,
      ...options,
    }),
    bare: (text, steps, accept, options = {}) => ({
      name: `${document}: ${text}`,
      steps,
      accept,
      ...options,
    }),
  }
}

/** Outcomes that several rules share. */
export const connection = {
  protocolError: ['connection PROTOCOL_ERROR'],
  frameSizeError: ['connection FRAME_SIZE_ERROR'],
  flowControlError: ['connection FLOW_CONTROL_ERROR'],
  compressionError: ['connection COMPRESSION_ERROR'],
} as const

/** Stream 1 is answered with status OK. */
export const ok = ['1: ok'] as const

/** A malformed request on stream 1. RFC 9113, section 8.1.1: a stream error. */
export const malformed = ['1: reset PROTOCOL_ERROR'] as const
