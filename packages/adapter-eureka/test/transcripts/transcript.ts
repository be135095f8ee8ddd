import type { EurekaOptions } from '../../src/options.ts'

/** What a client puts on the wire. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query, escaped as this client escapes. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Byte for byte; a text is UTF-8. Absent: there is none. */
  readonly body?: string | Buffer
}

/** What it has to get. Absent `json`, `xml` and `text`: no body and no content type. */
export interface WireAnswer {
  readonly status: number
  /** Exactly; others may be there. */
  readonly headers?: Readonly<Record<string, string>>
  /** What the body says at least. Arrays are complete, and in their order. */
  readonly json?: object
  /** Likewise: attributes begin with `@`, the text of an element that has some is `$`. */
  readonly xml?: object
  readonly text?: RegExp
}

/**
 * What the client makes of a list in the copy that it keeps:
 *
 * - `replaced`: it takes everything
 * - `in step`: it applies a delta, and has the hash code that the server says
 * - `out of step`: it applies a delta, and has another one. It fetches everything next
 */
export type CopyIs = 'replaced' | 'in step' | 'out of step'

/** One line of the story. */
export interface Step {
  /** What happens, for whoever reads the story, and for the message when it happens otherwise. */
  readonly tells: string
  /** What passes before. Unit: ms. */
  readonly afterMs?: number
  readonly request: WireRequest
  readonly answer: WireAnswer
  readonly copyIs?: CopyIs
}

/** All that is said between a server and those who know it, from when it is empty. */
export interface Transcript {
  readonly title: string
  readonly options?: Partial<EurekaOptions>
  readonly steps: readonly Step[]
}

/** Answered with a status, and nothing to read. */
export function bare(status: number): WireAnswer {
  return { status }
}

/** What a list says at least: its hash code, and of each application, in their order, each instance. */
export function listed(hashCode: string, apps: Readonly<Record<string, readonly object[]>>): object {
  const application = Object.entries(apps).map(([name, instance]) => ({ name, instance }))
  return { applications: { apps__hashcode: hashCode, application } }
}
