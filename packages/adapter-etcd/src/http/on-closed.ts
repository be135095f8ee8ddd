import type { ServerResponse } from 'node:http'

/**
 * Calls back when a response has closed: its answer has left, or its client. A response to a request that was sent before the one before
 * it was answered has no socket until then, and is not told when that closes: the socket is asked as well.
 *
 * @returns stops it
 */
export function onClosed(response: ServerResponse, callback: () => void): () => void {
  response.once('close', callback)
  if (response.socket !== null) return () => response.off('close', callback)
  const { socket } = response.req
  // A client may have sent any number of requests in advance: Node would take their listeners for a leak.
  socket.setMaxListeners(0)
  socket.once('close', callback)
  const stop = (): void => {
    response.off('close', callback)
    socket.off('close', callback)
  }
  // The connection may go on for long.
  response.once('close', stop)
  return stop
}
