import type { IncomingMessage, ServerResponse } from 'node:http'
import type { WebSocket } from '@fastify/websocket'
import type { LineSink } from './stream-call.ts'

/** Lines as a chunked HTTP response. Its status waits for the first line, because a call may fail at once. */
export function httpLineSink(request: IncomingMessage, response: ServerResponse): LineSink {
  const head = (status: number): void => {
    if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json' })
  }
  const end = (): void => {
    // The client may go on sending requests that nobody reads any more.
    response.once('finish', () => {
      if (!request.complete) request.destroy()
    })
    response.end()
  }
  return {
    write: async (line, signal) => {
      head(200)
      if (response.write(`${line}\n`) || response.destroyed) return
      await settled(signal, (resolve) => {
        response.once('drain', resolve).once('close', resolve)
        return () => response.off('drain', resolve).off('close', resolve)
      })
    },
    fail: (line, failure) => {
      if (response.destroyed) return
      head(failure.httpStatus)
      response.write(`${line}\n`)
      end()
    },
    end: () => {
      head(200)
      end()
    },
  }
}

/** Waits for `subscribe` to resolve, or for the signal. @param subscribe returns how to unsubscribe */
function settled(signal: AbortSignal, subscribe: (resolve: () => void) => () => unknown): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      signal.removeEventListener('abort', settle)
      unsubscribe()
      resolve()
    }
    const unsubscribe = subscribe(settle)
    signal.addEventListener('abort', settle)
    if (signal.aborted) settle()
  })
}

/** How long a client may take to answer the end of a WebSocket. Unit: ms. */
const webSocketCloseMaxMs = 2_000

/** Lines as text messages of a WebSocket. */
export function webSocketLineSink(socket: WebSocket): LineSink {
  const end = (): void => {
    socket.close()
    const deadline = setTimeout(() => socket.terminate(), webSocketCloseMaxMs).unref()
    socket.once('close', () => {
      clearTimeout(deadline)
    })
  }
  return {
    write: (line, signal) =>
      settled(signal, (resolve) => {
        // An error means that the socket has closed, which ends the call by itself.
        socket.send(line, () => {
          resolve()
        })
        return () => undefined
      }),
    fail: (line) => {
      if (socket.readyState === socket.OPEN) socket.send(line)
      end()
    },
    end,
  }
}
