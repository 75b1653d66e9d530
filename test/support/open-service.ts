/** A service file that allows every request, so that only the wire or the path can refuse one. */
export const openService = (id: string): string => `schema: 1
id: ${id}
name: Open
category: other
hosts: [{host: ${id}.example, role: api}]
auth:
  accept: [{in: header, name: authorization, scheme: bearer}]
  inject: [{in: header, name: authorization, format: "Bearer {secret}"}]
  credential: {type: api_key, fields: [{name: secret, secret: true}]}
scopes: {all: {risk: read, title: All}}
rules: [{scope: all, match: ["ANY /**"]}]
`
