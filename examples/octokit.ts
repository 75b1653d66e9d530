/**
 * GitHub, all pages: the proxy rewrites the links that GitHub's pagination follows.
 * Scope: github:read
 */

import { Octokit } from '@octokit/rest'

const octokit = new Octokit({
  baseUrl: `${process.env['PROXY_URL'] ?? 'http://localhost:8900'}/github`,
  auth: process.env['PHANTOM_TOKEN'],
})

const [owner = '', repo = ''] = (process.env['REPOSITORY'] ?? 'acme/shop').split('/')
const issues = await octokit.paginate('GET /repos/{owner}/{repo}/issues', { owner, repo })
console.log(`${issues.length} issues`)
