import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { until } from './support.ts'

/** An event that a server sent. */
export interface SentEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: string
}

/** A client of server-sent events that keeps what it is sent. */
export interface EventSource {
  readonly events: readonly SentEvent[]
  readonly comments: readonly string[]
  /** Whether the server ended the stream in order. */
  readonly ended: boolean
  /** Whether the connection is gone, in order or not. */
  readonly closed: boolean
  readonly response: IncomingMessage
  /** Resolves when there are so many events. */
  received(count: number): Promise<void>
  close(): void
}

/** Opens a stream, and waits for its head. */
export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<EventSource> {
  const outgoing: ClientRequest = request(url, { headers, agent: false })
  outgoing.end()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  const events: SentEvent[] = []
  const comments: string[] = []
  let [rest, ended, closed] = ['', false, false]
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    rest += chunk
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      take(rest.slice(0, end).split('\n'))
      rest = rest.slice(end + 2)
    }
  })
  response.on('end', () => (ended = true))
  response.on('close', () => (closed = true))
  response.on('error', () => {})
  outgoing.on('error', () => {})

  function take(lines: readonly string[]): void {
    const fields = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    )
    const comment = fields.get('')
    if (comment !== undefined) comments.push(comment)
    const data = fields.get('data')
    if (data !== undefined)
      events.push({ event: fields.get('event') ?? 'message', id: fields.get('id'), data })
  }

  return {
    events,
    comments,
    response,
    get ended() {
      return ended
    },
    get closed() {
      return closed
    },
    received: (count) => until(() => events.length >= count),
    close: () => outgoing.destroy(),
  }
}
