import { hasCode } from '@orrery/environment'
import { type RegistryErrorCode, registryErrorCodes } from '@orrery/registry'
import { type EurekaErrorCode, eurekaErrorCodes } from '../errors.ts'

/** How a failure is answered. */
export interface Failure {
  readonly statusCode: number
  /** For whoever made the request; empty: nothing that would help. */
  readonly text: string
  /** Of the text. @defaultValue `text/plain` */
  readonly contentType?: string
  /** When it may go well. Unit: s; absent: nobody knows. */
  readonly retryAfterS?: number
  /** Somebody should know of it besides the client. */
  readonly isOurs: boolean
}

const registryStatus: Record<RegistryErrorCode, number> = {
  REGISTRY_INVALID: 400,
  // A client that is answered with 404 registers, and so on for ever. With this it says what is wrong.
  REGISTRY_NAMESPACE_NOT_FOUND: 400,
  REGISTRY_SERVICE_NOT_FOUND: 400,
  REGISTRY_INSTANCE_NOT_FOUND: 404,
  REGISTRY_NAMESPACE_EXISTS: 500,
  REGISTRY_SERVICE_EXISTS: 500,
  REGISTRY_NAMESPACE_IN_USE: 500,
  REGISTRY_SERVICE_IN_USE: 500,
  REGISTRY_ALIAS_INVALID: 400,
  REGISTRY_CONFLICT: 409,
  REGISTRY_OVERLOADED: 503,
  REGISTRY_UNAVAILABLE: 503,
  REGISTRY_NOT_READY: 503,
  REGISTRY_CLOSED: 503,
  REGISTRY_OPTION_INVALID: 500,
}

const eurekaStatus: Record<EurekaErrorCode, number> = {
  EUREKA_BODY_INVALID: 400,
  EUREKA_BODY_TOO_LARGE: 413,
  EUREKA_OPTION_INVALID: 500,
}

/**
 * How long it takes, about, until another member judges what one judged that is gone. Spring's client waits for as long as it
 * is told and asks the same server once more before it goes to the next, so that its heartbeats come through, and
 * are over before the next ones are due. Unit: s.
 */
const unavailableRetryS = 3

const unvouched =
  'This server cannot vouch for the heartbeat now: whoever judges the instance cannot be reached. ' +
  'Try again, or try another server.'

/**
 * How a heartbeat is answered that cannot be vouched for. The reason is there for whoever can read it. Clients in Java
 * read the answer to a heartbeat as an instance, whatever its status: those with Jersey 1 unless it is HTML, which is
 * what it says it is, all others whenever there is something to read, and they say that they accept JSON. They would
 * go on to the next server all the same, but what they log would be a body that they cannot read, and not the 503.
 *
 * Source: the heartbeats of Netflix Eureka, with Jersey 1, 2 and 3, and of Spring Cloud Netflix, with RestClient and WebClient.
 *
 * @param accept the header of the heartbeat
 */
export function unvouchedHeartbeat(accept: string | undefined): Failure {
  const isInstanceWanted = accept !== undefined && /json|xml/i.test(accept)
  return {
    statusCode: 503,
    text: isInstanceWanted ? '' : unvouched,
    contentType: 'text/html; charset=utf-8',
    retryAfterS: unavailableRetryS,
    isOurs: false,
  }
}

/** How to answer with a failure, whatever it is. */
export function failureOf(error: unknown): Failure {
  if (hasCode(error, 'REGISTRY_UNAVAILABLE')) {
    return { ...told(registryStatus[error.code], error), retryAfterS: unavailableRetryS }
  }
  if (hasCode(error, ...registryErrorCodes)) return told(registryStatus[error.code], error)
  if (hasCode(error, ...eurekaErrorCodes)) return told(eurekaStatus[error.code], error)
  if (error instanceof Error) {
    // Fastify's own: a body that is too long, or does not come as announced.
    if ('statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) {
      return told(error.statusCode, error)
    }
    if ('code' in error && typeof error.code === 'string' && error.code.startsWith('STORE_')) {
      return { statusCode: 503, text: '', isOurs: true }
    }
  }
  return { statusCode: 500, text: '', isOurs: true }
}

function told(statusCode: number, { message }: Error): Failure {
  // A body of a 404 keeps Java clients from registering again.
  return { statusCode, text: statusCode === 404 ? '' : message, isOurs: statusCode === 500 }
}
