import { betterAuth } from 'better-auth';
import { magicLink } from 'better-auth/plugins/magic-link';
import type { Pool } from 'pg';
import type { Logger } from '../../common/logger.ts';
import { signInBasePath } from './sign-in-routes.ts';

/** Sign-in of people, by one-time links alone in this version: nobody signs up, and no mail is sent. */
export interface People {
  /** The user whose session a Cookie header carries. */
  userOfSession(cookie: string): Promise<string | undefined>;
  /** A one-time link that signs this user in. */
  createSignInLink(email: string): Promise<string>;
  /** Answers a request to one of `signInRoutes`. */
  handle(request: Request): Promise<Response>;
}

/** In seconds. */
const linkLifetime = 10 * 60;

export interface PeopleOptions {
  pool: Pool;
  /** Signs session cookies. */
  secret: Buffer;
  /** Where people reach the server; an https address makes cookies secure. */
  publicUrl: string;
  log: Logger;
}

export function createPeople(options: PeopleOptions): People {
  const links = new Map<string, string>();
  const auth = createAuth(options, ({ email, token }) => void links.set(email, token));
  return {
    async userOfSession(cookie) {
      const session = await auth.api.getSession({ headers: new Headers({ cookie }) });
      return session?.user.id;
    },
    async createSignInLink(email) {
      await auth.api.signInMagicLink({ body: { email, callbackURL: '/' }, headers: new Headers() });
      const token = links.get(email);
      links.delete(email);
      if (token === undefined) throw new Error('The sign-in link was not made.');
      return `${options.publicUrl}${signInBasePath}/magic-link/verify?${new URLSearchParams({ token, callbackURL: '/' }).toString()}`;
    },
    handle: (request) => auth.handler(request),
  };
}

function createAuth(
  { pool, secret, publicUrl, log }: PeopleOptions,
  sendMagicLink: (link: { email: string; token: string }) => void,
) {
  return betterAuth({
    appName: 'Emerald',
    baseURL: publicUrl,
    basePath: signInBasePath,
    // A person may come by another name of this server than the public one; a page of that name is ours as well.
    trustedOrigins: (request) => (request ? [new URL(request.url).origin] : []),
    secret: secret.toString('base64'),
    database: pool,
    user: { modelName: 'users' },
    session: { modelName: 'sessions' },
    account: { modelName: 'accounts' },
    verification: { modelName: 'verifications' },
    // A link's token has too many possible values to be guessed at any rate.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    advanced: { cookiePrefix: 'emerald' },
    logger: { log: (level, message) => log[level === 'debug' ? 'debug' : 'warn'](message) },
    plugins: [magicLink({ expiresIn: linkLifetime, disableSignUp: true, storeToken: 'hashed', sendMagicLink })],
  });
}
