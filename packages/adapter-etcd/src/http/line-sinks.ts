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
    write: async (line) => {
      head(200)
      if (!response.write(`${line}\n`) && !response.destroyed) await drained(response)
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

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

/** Lines as text messages of a WebSocket. */
export function webSocketLineSink(socket: WebSocket): LineSink {
  return {
    write: (line) =>
      new Promise((resolve) => {
        // An error means that the socket has closed, which ends the call by itself.
        socket.send(line, () => {
          resolve()
        })
      }),
    fail: (line) => {
      if (socket.readyState === socket.OPEN) socket.send(line)
      socket.close()
    },
    end: () => {
      socket.close()
    },
  }
}
