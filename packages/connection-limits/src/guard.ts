import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'

/** Decides about a new connection. @returns whether others may have it */
export type Gatekeeper = (socket: Duplex) => boolean

/** How an emitter is called, by whatever names its events have. */
type Emit = (event: string | symbol, ...args: readonly unknown[]) => boolean

/**
 * Lets `gatekeeper` see each connection of a server before anybody else does. What it keeps back no listener is
 * ever told of: not the HTTP parser, not a TLS handshake, not whoever shares the port.
 *
 * It stands before the event itself rather than among its listeners. A listener cannot keep an event from those
 * after it: they would set up parsers and handshakes on a dead socket. And servers move listeners: who shares a
 * port between two protocols takes them all away and calls them later, for the connections of one of the two.
 *
 * @returns stops guarding
 */
export function guardServer(server: Server, gatekeeper: Gatekeeper): () => void {
  const before = Object.getOwnPropertyDescriptor(server, 'emit')
  const inner = Reflect.get(server, 'emit') as Emit
  let isActive = true
  const emit: Emit = (event, ...args) => {
    const [socket] = args
    if (isActive && event === 'connection' && isDuplex(socket) && !gatekeeper(socket)) return true
    return Reflect.apply(inner, server, [event, ...args])
  }
  Object.defineProperty(server, 'emit', { value: emit, configurable: true, writable: true })
  return () => {
    isActive = false
    // Somebody who came later stands before this one, and goes on calling it.
    if (Reflect.get(server, 'emit') !== emit) return
    if (before === undefined) Reflect.deleteProperty(server, 'emit')
    else Object.defineProperty(server, 'emit', before)
  }
}

/** An HTTP server may be given any duplex stream as a connection, not only what it accepted. */
function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'destroyed' in value
}
