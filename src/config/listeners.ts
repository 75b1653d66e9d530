/** Where the two planes listen, what they end TLS with, and whom they believe about a source. */

import { resolve } from 'node:path'
import type { z } from 'zod'
import type { Address } from './address.ts'
import {
  address,
  flag,
  hostName,
  listOf,
  mapOf,
  network,
  path,
  section,
  serviceId,
} from './forms.ts'
import { required, setting } from './setting.ts'

/** Defaults as a file would spell them. */
export const LISTEN = {
  data: '127.0.0.1:8900',
  control: '127.0.0.1:8901',
  developmentData: '127.0.0.1:8980',
  developmentControl: '127.0.0.1:8981',
} as const

/** Files of a plane's certificate; absolute. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface DataListeners {
  readonly listen: Address
  readonly serviceListen: ReadonlyMap<string, Address>
  /** Absent: plaintext. */
  readonly tls: TlsFiles | undefined
  /** Ranges of load balancers in front of us: what they say about a source is believed. */
  readonly trustedProxies: readonly string[]
  /** Whether connections of trusted proxies begin with a PROXY protocol header. */
  readonly proxyProtocol: boolean
}

export interface ControlListener {
  readonly listen: Address
  readonly hosts: readonly string[]
  readonly tls: TlsFiles | undefined
}

const tlsSection = () =>
  section({
    cert_file: required(path(), {
      form: 'path',
      meaning:
        'certificate of this plane (PEM), the intermediates behind it; read again when it changes and on SIGHUP',
    }),
    key_file: required(path(), {
      form: 'path',
      meaning: 'its private key (PEM, without a passphrase), which other users may not read',
    }),
  }).optional()

const insecurePlaintext = () =>
  setting(flag(), {
    form: 'true or false',
    meaning:
      'lets this plane of `production` listen beyond loopback without TLS, where a mesh or a load balancer ends it',
    preset: 'false',
  })

export const dataSection = section({
  listen: setting(address(), {
    form: 'HOST:PORT',
    meaning: 'where agents reach the data plane',
    preset: `${LISTEN.data} (development: ${LISTEN.developmentData})`,
  }),
  service_listen: setting(mapOf(serviceId(), address(), 'SERVICE: HOST:PORT'), {
    form: 'service: HOST:PORT',
    meaning: 'a port of its own for a service, for clients that take only a host and a port',
  }),
  tls: tlsSection(),
  insecure_plaintext: insecurePlaintext(),
  trusted_proxies: setting(listOf(network(), 'address ranges'), {
    form: 'list of address ranges',
    meaning:
      "load balancers in front of the data plane: the source that they name in `X-Forwarded-For` is believed, nobody else's",
  }),
  proxy_protocol: setting(flag(), {
    form: 'true or false',
    meaning: 'whether connections of `trusted_proxies` begin with a PROXY protocol v2 header',
    preset: 'false',
  }),
})

export const controlSection = section({
  listen: setting(address(), {
    form: 'HOST:PORT',
    meaning: 'where operators reach the control plane',
    preset: `${LISTEN.control} (development: ${LISTEN.developmentControl})`,
  }),
  hosts: setting(listOf(hostName(), 'host names'), {
    form: 'list of host names',
    meaning: 'further names that the control plane is reached by, as behind a load balancer',
  }),
  tls: tlsSection(),
  insecure_plaintext: insecurePlaintext(),
})

/** Where the planes listen when nothing is said. */
export function defaultListeners(environment: string): Record<'data' | 'control', Address> {
  const isDevelopment = environment === 'development'
  const local = (text: string): Address => ({ host: '127.0.0.1', port: Number(text.split(':')[1]) })
  return {
    data: local(isDevelopment ? LISTEN.developmentData : LISTEN.data),
    control: local(isDevelopment ? LISTEN.developmentControl : LISTEN.control),
  }
}

interface Place {
  readonly environment: string
  readonly directory: string
}

export function dataListeners(
  section: z.output<typeof dataSection> | undefined,
  { environment, directory }: Place,
): DataListeners {
  return {
    listen: section?.listen ?? defaultListeners(environment).data,
    serviceListen: new Map(Object.entries(section?.service_listen ?? {})),
    tls: tlsFiles(section?.tls, directory),
    trustedProxies: section?.trusted_proxies ?? [],
    proxyProtocol: section?.proxy_protocol ?? false,
  }
}

export function controlListener(
  section: z.output<typeof controlSection> | undefined,
  { environment, directory }: Place,
): ControlListener {
  return {
    listen: section?.listen ?? defaultListeners(environment).control,
    hosts: section?.hosts ?? [],
    tls: tlsFiles(section?.tls, directory),
  }
}

function tlsFiles(
  section: z.output<ReturnType<typeof tlsSection>>,
  directory: string,
): TlsFiles | undefined {
  return (
    section && {
      cert: resolve(directory, section.cert_file),
      key: resolve(directory, section.key_file),
    }
  )
}
