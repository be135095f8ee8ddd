import { fileURLToPath } from 'node:url'
import type { sendUnaryData, ServerUnaryCall, ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** `example.Hello` */
export interface Hello {
  readonly text: string
}

/** `example.Greeter`, as grpc-js takes it. */
export const greeterDefinition = loadSync(fileURLToPath(new URL('greeter.proto', import.meta.url)))[
  'example.Greeter'
] as ServiceDefinition

/** Its handlers, as grpc-js takes them. */
export const greeter = {
  SayHello: ({ request }: ServerUnaryCall<Hello, Hello>, callback: sendUnaryData<Hello>): void => {
    callback(null, { text: `hello ${request.text}` })
  },
}
