import type { IncomingHttpHeaders } from 'node:http'
import { EtcdError } from '../errors.ts'
import type { CallContext } from '../services/services.ts'

/** A call over HTTP that has not ended. */
export interface OpenCall {
  readonly context: CallContext
  /** Ends the call for a reason of ours, which the client is told instead of what the method then throws. */
  readonly abort: (reason: Error) => void
  /** Why the call was aborted. */
  readonly abortedBy: Error | undefined
  /** To be called when the call has ended and its client was told. */
  readonly close: () => void
  /** Resolves with {@link OpenCall.close}. */
  readonly closed: Promise<void>
}

/** The calls of one gateway, so that it can end those that wait. */
export class OpenCalls {
  readonly #waiting = new Set<OpenCall>()
  #closed = false

  /**
   * @param headers of the HTTP request
   * @param waits true when the call ends only if its client or {@link OpenCalls.close} wants it
   */
  open(headers: IncomingHttpHeaders, { waits }: { readonly waits: boolean }): OpenCall {
    const controller = new AbortController()
    const timeoutMs = timeoutOf(headers)
    const deadline =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            controller.abort(new EtcdError('ETCD_DEADLINE_EXCEEDED'))
          }, timeoutMs).unref()
    let abortedBy: Error | undefined
    controller.signal.addEventListener('abort', () => {
      const reason: unknown = controller.signal.reason
      if (reason instanceof Error) abortedBy = reason
    })
    let onClosed = (): void => undefined
    const call: OpenCall = {
      closed: new Promise((resolve) => {
        onClosed = resolve
      }),
      context: { signal: controller.signal, metadata: { get: (name) => metadataOf(headers, name) } },
      abort: (reason) => {
        controller.abort(reason)
      },
      get abortedBy() {
        return abortedBy
      },
      close: () => {
        clearTimeout(deadline)
        this.#waiting.delete(call)
        onClosed()
      },
    }
    if (waits) this.#waiting.add(call)
    if (waits && this.#closed) call.abort(new EtcdError('ETCD_STOPPED'))
    return call
  }

  /** Ends the calls that wait, and every later one of that kind. Resolves when their clients were told. */
  async close(): Promise<void> {
    this.#closed = true
    for (const call of this.#waiting) call.abort(new EtcdError('ETCD_STOPPED'))
    await Promise.all(Array.from(this.#waiting, ({ closed }) => closed))
  }
}

/**
 * Metadata of a gRPC call that came over HTTP: `authorization` as it is, everything else from
 * `Grpc-Metadata-` headers. A WebSocket client of a browser, which cannot set headers, sends its token as
 * `Sec-WebSocket-Protocol: Bearer, <token>`. Sources: grpc-gateway, `runtime/context.go`;
 * grpc-websocket-proxy.
 */
function metadataOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[`grpc-metadata-${name}`]
  if (value !== undefined) return Array.isArray(value) ? value[0] : value
  if (name !== 'authorization') return undefined
  if (headers.authorization !== undefined) return headers.authorization
  const [, token] = /^Bearer\s*,\s*(\S+)$/.exec(headers['sec-websocket-protocol'] ?? '') ?? []
  return token === undefined ? undefined : `Bearer ${token}`
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }
const timerMaxMs = 2 ** 31 - 1

/** The header `Grpc-Timeout`, for example `5S`. Unit: ms. */
function timeoutOf(headers: IncomingHttpHeaders): number | undefined {
  const header = headers['grpc-timeout']
  const [, amount, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(typeof header === 'string' ? header : '') ?? []
  if (amount === undefined) return undefined
  return Math.min(Number(amount) * (unitMs[unit] ?? 0), timerMaxMs)
}
