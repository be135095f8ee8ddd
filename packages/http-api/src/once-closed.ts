import type { ServerResponse } from 'node:http'

/**
 * Calls back once, when a response has left for the kernel or its connection has closed; at once where that has happened already. A
 * function may serve many: `this` is the response.
 *
 * A client may send further requests before the first one is answered. Their responses have no socket until those before them have left,
 * and Node does not tell them when it closes.
 */
export function onceClosed(response: ServerResponse, callback: (this: ServerResponse) => void): void {
  if (response.destroyed) {
    callback.call(response)
    return
  }
  // It closes once. To be told once of anything costs more, and there may be thousands.
  response.on('close', callback)
  if (response.socket === null) whileQueued(response, callback)
}

/** Until it is its turn. */
function whileQueued(response: ServerResponse, callback: (this: ServerResponse) => void): void {
  const { socket } = response.req
  const closed = (): void => {
    response.off('close', callback)
    callback.call(response)
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
