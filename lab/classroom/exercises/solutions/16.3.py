from kafka import KafkaAdminClient

with KafkaAdminClient(**settings.kafka) as admin:
    kinds = {group["group_id"]: group["group_type"] for group in admin.list_groups()}
