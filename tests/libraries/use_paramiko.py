# /// script
# dependencies = ["paramiko"]
# [tool.libraries]
# environment = "web"
# ///
import socket
import threading

import paramiko

key = paramiko.RSAKey.generate(2048)


class Server(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == "secret" else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        channel.send(command[::-1])
        channel.send_exit_status(0)
        threading.Timer(0.2, channel.close).start()
        return True


listener = socket.create_server(("127.0.0.1", 0))


def serve():
    transport = paramiko.Transport(listener.accept()[0])
    transport.add_server_key(key)
    transport.start_server(server=Server())
    serve.transport = transport


threading.Thread(target=serve, daemon=True).start()
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", listener.getsockname()[1], "ada", "secret", look_for_keys=False, allow_agent=False)
assert client.exec_command("abc")[1].read() == b"cba"
client.close()
