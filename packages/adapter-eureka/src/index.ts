/**
 * Eureka on an Orrery registry: applications in Java, JavaScript, Go, .NET and Python that know a Eureka server register
 * and find each other without noticing the difference, and beside clients of other protocols.
 *
 * ```text
 * register, cancel, status -> rules of Eureka -> registry
 * heartbeat                -> registry, and nothing else
 * registry.events          -> applications, delta -> encoded instances -> lists, compressed
 * ```
 *
 * {@link eurekaPlugin} is a Fastify plugin. It needs a registry and nothing else.
 *
 * @packageDocumentation
 */
export { EurekaError, eurekaErrorCodes } from './errors.ts'
export type { EurekaErrorCode } from './errors.ts'
export { eurekaPlugin } from './eureka-plugin.ts'
export { eurekaDefaults } from './options.ts'
export type { ConnectionGuard, EurekaDefaults, EurekaOptions } from './options.ts'
