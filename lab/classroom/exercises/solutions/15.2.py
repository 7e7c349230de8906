batteries = []
for record in read_records(mixed, **settings.kafka):
    zero, number = struct.unpack(">bI", record.value[:5])
    reading = decode_avro(record.value[5:], schemas[number], second)
    batteries.append(reading["battery"])
