import type { ServerResponse } from 'node:http'

/**
 * Calls back once, when a response has left for the kernel or its connection has closed; at once where that has happened already.
 *
 * A client may send further requests before the first one is answered. Their responses have no socket until those before them have left,
 * and Node does not tell them when it closes.
 */
export function onceClosed(response: ServerResponse, callback: () => void): void {
  if (response.destroyed) {
    callback()
    return
  }
  response.once('close', callback)
  if (response.socket !== null) return
  const { socket } = response.req
  const closed = (): void => {
    response.off('close', callback)
    callback()
  }
  if (socket.destroyed) {
    closed()
    return
  }
  // As many as the client has sent requests: otherwise Node warns of a leak.
  socket.setMaxListeners(0)
  socket.once('close', closed)
  response.once('close', () => socket.off('close', closed))
}
