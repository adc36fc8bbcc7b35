import { AccessError, type AccessErrorCode } from '../access/access-error.ts';
import { checkGrant, checkName, type Grant } from '../access/users.ts';
import { UsersFile } from '../access/users-file.ts';
import { type Command, EX_CONFIG, EX_USAGE } from './command.ts';
import { readPassword } from './read-password.ts';
import type { Terminal } from './run-command.ts';

type AccessCommand = Extract<Command, { name: `user ${string}` | `token ${string}` }>;

/** sysexits.h: an error occurred while doing I/O on some file. */
const EX_IOERR = 74;

const EXIT_CODES: Readonly<Record<AccessErrorCode, number>> = {
  unreadable_file: EX_IOERR,
  invalid_file: EX_CONFIG,
  invalid_argument: EX_USAGE,
  exists: 1,
  not_found: 1,
};

/** Changes or lists users and tokens; a running gateway sees the change by itself. Returns the exit code. */
export async function runAccessCommand(command: AccessCommand, usersFile: string, terminal: Terminal): Promise<number> {
  try {
    terminal.stdout.write(await carryOut(command, usersFile, terminal));
    return 0;
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    terminal.stderr.write(`${error.message}\n`);
    return EXIT_CODES[error.code];
  }
}

async function carryOut(command: AccessCommand, usersFile: string, terminal: Terminal): Promise<string> {
  const file = new UsersFile(usersFile);
  switch (command.name) {
    case 'user add': {
      // Before anybody types a password in vain.
      checkName(command.user);
      checkGrant(command.grant.rights, command.grant.streams);
      const first = await isEmpty(file);
      await file.addUser(command.user, await readPassword(command.passwordFile, terminal), command.grant);
      return `user ${command.user} added in ${usersFile}\n${first ? RESTART : ''}`;
    }
    case 'user passwd':
      await file.setPassword(command.user, await readPassword(command.passwordFile, terminal));
      return `password of ${command.user} changed\n`;
    case 'user remove':
      await file.removeUser(command.user);
      return `user ${command.user} removed\n`;
    case 'user list': {
      const { users } = await file.read();
      return table([...users].map(([name, { grants }]) => [name, describeGrants(grants)]));
    }
    case 'token add': {
      const first = await isEmpty(file);
      const token = await file.addToken(command.token, command.grant, command.expires);
      terminal.stderr.write(
        `token ${command.token} added in ${usersFile}; it is not shown again\n${first ? RESTART : ''}`,
      );
      return `${token}\n`;
    }
    case 'token remove':
      await file.removeToken(command.token);
      return `token ${command.token} removed\n`;
    case 'token list': {
      const { tokens } = await file.read();
      return table(
        [...tokens].map(([name, { expires, grants }]) => [name, expires ?? 'never expires', describeGrants(grants)]),
      );
    }
  }
}

const RESTART = 'A gateway that runs listens on this machine only until its next start.\n';

async function isEmpty(file: UsersFile): Promise<boolean> {
  const { users, tokens } = await file.read();
  return users.size === 0 && tokens.size === 0;
}

function describeGrants(grants: readonly Grant[]): string {
  return grants.map(({ rights, streams }) => `${rights.join(',')} on ${streams.join(',')}`).join('; ');
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
