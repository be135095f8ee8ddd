import { EurekaError } from '../errors.ts'

/** Refuses a body. @throws EurekaError `EUREKA_BODY_INVALID` */
export function refuseBody(field: string, reason: string, cause?: unknown): never {
  throw new EurekaError('EUREKA_BODY_INVALID', `${field}: ${reason}`, { cause })
}

/** Refuses a body that is over a limit. @throws EurekaError `EUREKA_BODY_TOO_LARGE` */
export function refuseSize(field: string, reason: string): never {
  throw new EurekaError('EUREKA_BODY_TOO_LARGE', `${field}: ${reason}`)
}
