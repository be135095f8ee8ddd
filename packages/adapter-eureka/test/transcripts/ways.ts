import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { ManualServer } from '../support.ts'
import type { WireRequest } from './transcript.ts'

/** What came back. */
export interface WireResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** How requests get to the server. */
export interface Way extends AsyncDisposable {
  send(request: WireRequest): Promise<WireResponse>
}

/** Into the server, without a connection. */
export function injected(server: ManualServer): Way {
  return {
    send: async ({ method, path, headers = {}, body }) => {
      const given = body === undefined ? {} : { payload: body }
      const response = await server.request({ method, url: path, headers, ...given })
      return { status: response.statusCode, headers: response.headers, body: response.rawPayload }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Over one connection, which stays: the bytes of a body that should not be there would come before the next answer. */
export async function overSocket(server: ManualServer): Promise<Way> {
  const address = await server.wait(server.app.listen({ port: 0, host: '127.0.0.1' }))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    send: (request) => server.wait(exchange(`${address}${request.path}`, request, agent)),
    [Symbol.asyncDispose]: () => {
      agent.destroy()
      return Promise.resolve()
    },
  }
}

function exchange(url: string, request: WireRequest, agent: Agent): Promise<WireResponse> {
  const { method, headers = {}, body } = request
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, agent, headers: { ...headers, ...lengthOf(request) } })
    sent.once('error', reject)
    sent.once('response', (response) => {
      buffer(response).then((read) => {
        resolve({ status: response.statusCode ?? 0, headers: plain(response.headers), body: read })
      }, reject)
    })
    sent.end(body)
  })
}

/** Java and Spring send a registration in chunks, and say that a PUT is empty; Node would do neither. */
function lengthOf({ method, body }: WireRequest): Readonly<Record<string, string>> {
  if (method === 'POST') return { 'transfer-encoding': 'chunked' }
  if (method === 'PUT') return { 'content-length': String(Buffer.byteLength(body ?? '')) }
  return {}
}

function plain(headers: IncomingHttpHeaders): Readonly<Record<string, unknown>> {
  return { ...headers }
}
