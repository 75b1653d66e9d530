/** All tokens that a filter covers, page after page. */

import { everyItem, type Client, type TokenFilter, type TokenView } from '../../sdk/src/client.ts'

export async function allTokens({ tokens }: Client, filter: TokenFilter): Promise<TokenView[]> {
  const found: TokenView[] = []
  for await (const token of everyItem<TokenView, TokenFilter>(tokens.list, filter))
    found.push(token)
  return found
}
