# /// script
# dependencies = ["protobuf"]
# [tool.libraries]
# environment = "core"
# ///
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, struct_pb2, timestamp_pb2

file = descriptor_pb2.FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
message = file.message_type.add(name="Item")
message.field.add(name="id", number=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
                  label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Item = message_factory.GetMessageClass(pool.FindMessageTypeByName("a.Item"))
assert Item.FromString(Item(id=7).SerializeToString()).id == 7
struct = struct_pb2.Struct()
struct["a"] = [1, True]
assert json_format.MessageToDict(struct) == {"a": [1.0, True]}
stamp = timestamp_pb2.Timestamp()
stamp.GetCurrentTime()
from google.protobuf.internal import api_implementation
assert api_implementation.Type() == "upb"
