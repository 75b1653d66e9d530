/** Names of agents: they stand in URLs, logs, tables and file names, so they are plain. */

const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Letters, digits, dot, underscore and hyphen; 1 to 64 of them, beginning with letter or digit. */
export function isAgentName(text: string): boolean {
  return AGENT_NAME.test(text)
}
